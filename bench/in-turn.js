import { median } from './report.js';

/** Processor time of this process in nanoseconds: what else runs on the machine is not in it. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/**
 * Times async functions in turn, round after round, so that what slows the machine down slows all of them. Each is called
 * `calls` times a round, one after the other; the first round is not counted.
 */
export async function inTurn(subjects, { calls, rounds, units = 1 }) {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, once] of Object.entries(subjects)) {
      const start = now();
      for (let i = 0; i < calls; i++) await once(i);
      if (round > 0) times[name].push((now() - start) / calls / units);
    }
  }
  const floors = times[Object.keys(subjects)[0]];
  const over = (name) => times[name].map((ns, round) => ns - floors[round]);
  return {
    /** Nanoseconds a call, or a unit of it. */
    ns: (name) => median(times[name]),
    /** Nanoseconds over the first subject of the same round. */
    over: (name) => median(over(name)),
    /** How much more one adds than another, by rounds. */
    ratio(name, other) {
      const others = over(other);
      return median(over(name).map((ns, round) => ns / others[round]));
    },
  };
}
