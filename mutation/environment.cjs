// Node's environment, for a test run that ends with the first failure: what comes after it can tell nothing new of a mutant.
const { TestEnvironment } = require('jest-environment-node');

/** Tests of what a hundred thousand callers cost; they tell nothing of one that others would not, and take seconds. */
const LOAD = /100,000/;

module.exports = class extends TestEnvironment {
  failed = false;

  handleTestEvent(event) {
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.failed = true;
    if (event.name === 'test_start' && (this.failed || LOAD.test(event.test.name))) event.test.mode = 'skip';
  }
};
