// Property tests: the same examples for every mutant, no search for a smaller one, and a bound on the time.
const fc = require('fast-check');

fc.configureGlobal({ seed: 1, endOnFailure: true, interruptAfterTimeLimit: 500 });
