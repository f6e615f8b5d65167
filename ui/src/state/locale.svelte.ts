import { overwriteGetLocale, type Locale } from '../paraglide/runtime';

let current = $state<Locale>('en');

// Messages read the locale from here, so a change of language redraws the words and nothing else.
overwriteGetLocale(() => current);

export function locale(): Locale {
  return current;
}

/** Takes `en`, `es` or a system language such as `es-MX`; what is not Spanish becomes English. */
export function useLocale(language: string): void {
  current = language.toLowerCase().split('-')[0] === 'es' ? 'es' : 'en';
  document.documentElement.lang = current;
}
