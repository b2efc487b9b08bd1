// `npm run bench` [name …]; all of them without a name.
const all = {
  overhead: './overhead.js',
  'start-up': './start-up.js',
  limiter: './limiter.js',
  'redis-admissions': './redis-admissions.js',
  http: './http.js',
  sync: './sync.js',
  goodput: './goodput/index.js',
};
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(all)) {
  if (!Object.hasOwn(all, name)) {
    throw new Error(`There is no benchmark '${name}'. There are: ${Object.keys(all).join(', ')}.`);
  }
  await import(all[name]);
}
