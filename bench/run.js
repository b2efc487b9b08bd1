// `npm run bench` [name …]: http, overhead, start-up; all of them without a name.
const all = ['overhead', 'start-up', 'http'];
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : all) {
  if (!all.includes(name)) throw new Error(`There is no benchmark '${name}'. There are: ${all.join(', ')}.`);
  await import(`./${name}.js`);
}
