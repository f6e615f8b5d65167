// First, as it asks how everything stands while the rest is still being read.
import { tauriBackend } from './backend/tauri';

import './tokens.css';
import './base.css';

import { mount } from 'svelte';

import App from './App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend: tauriBackend } });
