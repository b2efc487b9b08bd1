/** Stands for src/sync/here.ts, which CommonJS cannot load: tests say where the worker's file is. */
export let here: string | undefined;

export function standAt(file: string | undefined): void {
  here = file;
}
