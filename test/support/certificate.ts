import { generateKeyPairSync, sign } from 'node:crypto';

/** DER (X.690): a tag, the length, the contents. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const { length } = Buffer.concat(contents);
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), ...contents]);
}

const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const identifier = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const commonName = sequence(der(0x31, sequence(identifier('550403'), der(0x0c, Buffer.from('localhost')))));
const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'));
const validity = sequence(...['200101000000Z', '491231235959Z'].map(time => der(0x17, Buffer.from(time))));

/** A key and a self-signed certificate, created for each run, so that the repository contains no key. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicInfo = publicKey.export({ type: 'spki', format: 'der' });
  const serial = der(0x02, Buffer.from([1]));
  const signed = sequence(serial, ecdsaWithSha256, commonName, validity, commonName, publicInfo);
  const signature = der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const body = sequence(signed, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  };
}
