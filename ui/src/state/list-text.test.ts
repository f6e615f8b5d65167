import { describe, expect, it } from 'vitest';

import { decoded, isList, lineCount } from './list-text';

const bytes = (...values: number[]) => new Uint8Array(values);

describe('the text of a list', () => {
  it('is read as its byte order mark says, else as UTF-8, else as older Windows files are', () => {
    expect(decoded(bytes(0xef, 0xbb, 0xbf, 0x5a, 0x6f, 0xc3, 0xab))).toBe('Zoë');
    expect(decoded(bytes(0x5a, 0x6f, 0xc3, 0xab))).toBe('Zoë');
    expect(decoded(bytes(0xff, 0xfe, 0x5a, 0, 0x6f, 0, 0xeb, 0))).toBe('Zoë');
    expect(decoded(bytes(0xfe, 0xff, 0, 0x5a, 0, 0x6f, 0, 0xeb))).toBe('Zoë');
    expect(decoded(bytes(0x5a, 0x6f, 0xeb))).toBe('Zoë');
    expect(decoded(bytes())).toBe('');
  });

  it('has lines of every kind of line end', () => {
    expect(lineCount('a\r\nb\rc\nd\u2028e\n\n  \n')).toBe(5);
  });

  it('is a list with two lines or three parts', () => {
    expect(isList('a\nb')).toBe(true);
    expect(isList('a;b;c')).toBe(true);
    expect(isList('a\tb\tc')).toBe(true);
    expect(isList('a, b')).toBe(false);
    expect(isList('a\n\n')).toBe(false);
  });
});
