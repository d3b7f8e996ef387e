// Builds what the server hands out: node build.mjs [folder]. The same sources always give the same bytes.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = process.argv[2] ?? `${here}../src/stoa/live/static`;

const common = { absWorkingDir: here, bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none' };
const header = (what) => ({
  js: `// ${what}\n// Built by \`make console\` from console/: change it there. Contains socket.io-client (MIT, Automattic).`,
});

await build({
  ...common,
  entryPoints: ['live/src/index.ts'],
  outfile: `${folder}/live.js`,
  banner: header('@stoa/live: joins a room of Stoa. How to use it: console/live/README.md.'),
});
await build({
  ...common,
  entryPoints: ['join/src/main.ts'],
  outfile: `${folder}/join.js`,
  banner: { js: '// The page /live/join/<room>.\n// Built by `make console` from console/join: change it there.' },
  plugins: [{
    name: 'the library is a file of its own',
    setup: (build) => build.onResolve({ filter: /^@stoa\/live$/ }, () => ({ path: './live.js', external: true })),
  }],
});
