import { fileURLToPath } from 'node:url';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

import bundled from './bundled.json' with { type: 'json' };

// The policy the packaged window runs under, so that `vite preview` fails where the window would.
const csp = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
].join('; ');

// Only the fake build has words that can be stretched: there `paraglide/messages` is the gallery's own module.
const stretchable = (): Plugin => ({
  name: 'unlatch-stretchable-words',
  enforce: 'pre',
  resolveId: (source, importer) =>
    importer && /(^|\/)paraglide\/messages$/.test(source)
      ? fileURLToPath(new URL('src/gallery/stretch.ts', import.meta.url))
      : null,
});

// Words that count use formats that are kept, where paraglide's own make one each time.
const keptFormats = (): Plugin => ({
  name: 'unlatch-kept-formats',
  enforce: 'pre',
  resolveId: (source, importer) =>
    importer && /\/paraglide\/messages\//.test(importer) && source.endsWith('/registry.js')
      ? fileURLToPath(new URL('src/state/registry.ts', import.meta.url))
      : null,
});

// The window is fetched together with its entry, not after it.
const windowPreloaded = (): Plugin => ({
  name: 'unlatch-window-preloaded',
  transformIndexHtml: {
    order: 'post',
    handler(_, { bundle }) {
      const chunk = Object.values(bundle ?? {}).find(
        (file) => file.type === 'chunk' && file.name === 'window',
      );
      if (!chunk) return [];
      const attrs = { rel: 'modulepreload', crossorigin: true, href: `/${chunk.fileName}` };
      return [{ tag: 'link', attrs, injectTo: 'head' }];
    },
  },
});

// The licences of what is in the built UI are shown in the window, so nothing else may get into it.
const namedPackages = (): Plugin => ({
  name: 'unlatch-named-packages',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      for (const [id, module] of Object.entries(file.type === 'chunk' ? file.modules : {})) {
        const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1];
        if (name && module.renderedLength > 0 && !bundled.includes(name)) {
          this.error(`${name} gets into the UI: name it in bundled.json and run cargo xtask notices`);
        }
      }
    }
  },
});

export default defineConfig(({ mode }) => ({
  plugins: [
    svelte(),
    svelteTesting(),
    keptFormats(),
    windowPreloaded(),
    mode === 'fake' ? stretchable() : namedPackages(),
  ],
  clearScreen: false,
  server: { host: '127.0.0.1', port: 5173, strictPort: true },
  preview: { host: '127.0.0.1', port: 1421, strictPort: true, headers: { 'Content-Security-Policy': csp } },
  build: {
    outDir: mode === 'fake' ? 'dist-fake' : 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: mode === 'fake' ? 'gallery.html' : 'index.html' },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['./src/test-setup.ts'],
    include: ['src/**/*.test.ts'],
    // On a busy machine a test of many clicks takes longer than the usual five seconds.
    testTimeout: 30_000,
  },
}));
