const escapes: Readonly<Record<string, string>> = { '%22': '"', '%0a': '\n', '%0d': '\r' };

/**
 * Decodes the escapes that browsers use for characters that would end a name (HTML, 4.10.21.8), like Fetch.
 */
export function unescapedName(name: string): string {
  return name.replace(/%(22|0a|0d)/gi, found => escapes[found.toLowerCase()] as string);
}

/**
 * Returns the name of a field or file as the client sent it. multer and busboy decode UTF-8 names as Latin-1,
 * unless `defParamCharset` is set.
 */
export function nameAsSent(name: string): string {
  return unescapedName(fromLatin1(name));
}

function fromLatin1(name: string): string {
  if (!/[\x80-\xff]/.test(name) || /[\u0100-\uffff]/.test(name)) return name;
  try {
    const bytes = Uint8Array.from(name, character => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return name; // already Latin-1
  }
}
