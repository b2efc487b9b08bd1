// Property tests try the same examples in every run, so that a failure speaks of the change and not of luck. To try
// others: FC_SEED=$RANDOM FC_RUNS=5000 npx jest __tests__/tokenizer
const fc = require('fast-check');

const { FC_SEED = 1, FC_RUNS = 100 } = process.env;
fc.configureGlobal({ seed: Number(FC_SEED), numRuns: Number(FC_RUNS) });
