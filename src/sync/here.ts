/** The file that this stands in: beside it is the worker's. Undefined where a bundler has lost it. */
export const here: string | undefined = import.meta.filename;
