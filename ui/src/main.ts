// First, as it asks how everything stands while the rest is still being read.
import { tauriBackend } from './backend/tauri';

import './tokens.css';
import './base.css';

void import('./window').then(({ open }) => open(tauriBackend));
