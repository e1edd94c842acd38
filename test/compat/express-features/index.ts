import type { Feature } from '../features.js';
import { ofApplication } from './application.js';
import { ofExpress } from './express.js';
import { ofGuides } from './guides.js';
import { ofRequest } from './request.js';
import { ofResponse } from './response.js';
import type { App, Express } from './support.js';

/** Express' reference (expressjs.com/en/5x/api.html and 4x) and its guides, as features. */
export function featuresOf(express: Express, major: number): Feature<App>[] {
  const rows = [
    ...ofApplication(express),
    ...ofExpress(express),
    ...ofRequest,
    ...ofResponse(express),
    ...ofGuides(express),
  ];
  return rows
    .map(([title, build, more = {}]): Feature<App> => ({ asks: ['GET /'], ...more, title, build }))
    .filter(feature => feature.major === undefined || feature.major === major);
}
