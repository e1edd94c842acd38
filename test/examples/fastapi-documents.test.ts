import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import supertest from 'supertest';
import { onExpress, onKoa, type Page } from '../../examples/fastapi-tutorial/page.js';

const folder = path.join(__dirname, '../../examples/fastapi-tutorial');

function pagesIn(file: string): Page[] {
  const exported: unknown[] = Object.values(require(path.join(folder, file)));
  return exported.filter(
    (each): each is Page => typeof each === 'object' && each !== null && 'routes' in each,
  );
}

const files = readdirSync(folder).filter(file => pagesIn(file).length > 0);

it.each(files)('%s has one valid document on both frameworks, and a docs page', async file => {
  for (const page of pagesIn(file)) {
    const documents = [];
    for (const listener of [onExpress(page), onKoa(page)]) {
      documents.push((await supertest(listener).get('/openapi.json').expect(200)).body);
      await supertest(listener).get('/docs').expect(200);
    }
    const [onOne, onOther] = documents;
    expect(onOther).toEqual(onOne);
    expect(Object.keys(onOne.paths)).not.toEqual([]);
    expect((await new Validator().validate(onOne)).valid).toBe(true);
  }
});
