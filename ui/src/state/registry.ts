// What the messages use instead of paraglide's own registry, which makes a format for every word.
import { kept } from './kept';

const plurals = kept((language, options: Intl.PluralRulesOptions) => new Intl.PluralRules(language, options));
const numbers = kept(
  (language, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(language, options),
);

export function plural(language: string, input: unknown, options: Intl.PluralRulesOptions = {}): string {
  return plurals(language, options).select(Number(input));
}

export function number(language: string, input: unknown, options: Intl.NumberFormatOptions = {}): string {
  return numbers(language, options).format(Number(input));
}
