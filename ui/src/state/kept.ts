/**
 * Formats by language and options. Making one costs far more than using it, and each holds up to a hundred kilobytes that the engine of
 * the page does not count, so that they stay until it next collects what is no longer used.
 */
export function kept<Options, Format>(
  make: (language: string, options: Options) => Format,
): (language: string, options: Options) => Format {
  const formats = new Map<string, Format>();
  return (language, options) => {
    const key = `${language} ${JSON.stringify(options)}`;
    const format = formats.get(key) ?? make(language, options);
    formats.set(key, format);
    return format;
  };
}
