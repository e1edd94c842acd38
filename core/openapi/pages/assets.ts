import { FileResponse } from '../../http/file-response.js';
import { HTTPException } from '../../http/http-exception.js';
import { escapeHtml } from './html.js';

/** A file that a page loads. */
export interface Asset {
  /** Its name in the `assets` folder. */
  readonly file: string;
  /** Its URL on the CDN, with an exact version. */
  readonly url: string;
  /** The hash of that version, so that the CDN cannot change the file. */
  readonly integrity: string;
}

/** Where a page loads a file from. */
export interface Source {
  readonly url: string;
  readonly integrity: string | undefined;
}

/** A given URL comes first, then the `assets` folder, then the CDN. */
export function sourceOfAsset(asset: Asset, given: string | undefined, folder: string | undefined): Source {
  if (given === undefined && folder === undefined) return asset;
  // A query works below any prefix, and with every router.
  return { url: given ?? `?asset=${asset.file}`, integrity: undefined };
}

/**
 * Answers a request for a file of the `assets` folder. Only the listed names are read, so no request can
 * leave the folder.
 */
export function answerAsset(folder: string, assets: readonly Asset[], asked: string): FileResponse {
  const found = assets.find(({ file }) => file === asked);
  if (found === undefined) throw new HTTPException(404);
  // An update of the package keeps the URL, so browsers must ask again; an unchanged file is a 304.
  return new FileResponse(`${folder}/${found.file}`, { headers: { 'cache-control': 'no-cache' } });
}

export function scriptTag({ url, integrity }: Source): string {
  return `<script src="${escapeHtml(url)}"${integrityOf(integrity)}></script>`;
}

export function styleTag({ url, integrity }: Source): string {
  return `<link rel="stylesheet" href="${escapeHtml(url)}"${integrityOf(integrity)}>`;
}

/** Keeps browsers from asking for `/favicon.ico`. */
export const noIcon = 'data:,';

export function iconTag(url: string): string {
  return `<link rel="icon" href="${escapeHtml(url)}">`;
}

function integrityOf(integrity: string | undefined): string {
  return integrity === undefined ? '' : ` integrity="${integrity}" crossorigin="anonymous"`;
}
