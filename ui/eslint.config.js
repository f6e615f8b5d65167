import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

import svelteConfig from './svelte.config.js';

const ONE_CLOCK = 'The page has one clock, src/state/clock.svelte.ts: call now().';

export default ts.config(
  {
    ignores: [
      'dist/',
      'dist-fake/',
      'node_modules/',
      'src/paraglide/',
      'src/backend/bindings.ts',
      'project.inlang/',
    ],
  },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      'no-undef': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'svelte/no-at-html-tags': 'error',
      'svelte/no-inline-styles': ['error', { allowTransitions: false }],
      'svelte/button-has-type': 'error',
      // Maps and sets are kept in $state.raw and replaced whole.
      'svelte/prefer-svelte-reactivity': 'off',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['@tauri-apps/*'],
              message: 'The window reaches the engine through src/backend/ alone.',
            },
          ],
        },
      ],
    },
  },
  { files: ['src/backend/**'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['src/**'],
    ignores: ['src/state/clock.svelte.ts', 'src/test-setup.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'Date', property: 'now', message: ONE_CLOCK }],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: ONE_CLOCK },
        { selector: 'CallExpression[callee.name="Date"]', message: ONE_CLOCK },
      ],
    },
  },
);
