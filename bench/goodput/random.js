/** A seeded generator of numbers from 0 to 1 (mulberry32): every process of a run draws the same. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = (random, list) => list[Math.floor(random() * list.length)];

/** From `low` to `high`, small ones more often: as many below their geometric mean as above. */
export const logUniform = (random, low, high) => Math.round(low * (high / low) ** random());
