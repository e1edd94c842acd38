import { createHash } from 'node:crypto';
import { HTMLResponse, type Response } from '../../core/adapter.js';
import page from './page/index.html';

let headers: Readonly<Record<string, string>> | undefined;

/** The page. Its policy allows its own script and style, its own events, and nothing else. */
export function pageResponse(): Response {
  headers ??= {
    'content-security-policy': policyOf(page),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    vary: 'accept',
  };
  return new HTMLResponse(page, { headers });
}

function policyOf(html: string): string {
  const { script = '', style = '' } =
    /<style>(?<style>.*?)<\/style>.*<script>(?<script>.*?)<\/script>/s.exec(html)?.groups ?? {};
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
