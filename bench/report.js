export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Prints rows under a title; the first column is the name. */
export function table(title, columns, rows) {
  const cells = [['', ...columns], ...rows.map((row) => row.map(String))];
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => String(row[i]).length)));
  console.log(`${title}`);
  for (const row of cells) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  '),
    );
  }
}
