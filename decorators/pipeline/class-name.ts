/** The name of an object's class; of a class itself, on which a static method is called, its own. */
export function classNameOf(self: object): string {
  return typeof self === 'function' ? self.name : self.constructor?.name || 'Object';
}
