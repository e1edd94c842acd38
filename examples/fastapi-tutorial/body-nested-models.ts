// https://fastapi.tiangolo.com/tutorial/body-nested-models/
import { endpoint, Layer } from 'callnext';
import { Body } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

const Image = z.object({ url: z.url(), name: z.string() });
const Item = z.object({
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  tax: z.number().nullable().default(null),
  tags: z.array(z.string()).default([]),
  images: z.array(Image).nullable().default(null),
});
const Offer = z.object({
  name: z.string(),
  description: z.string().nullable().default(null),
  price: z.number(),
  items: z.array(Item),
});

// "Deeply nested models"
const createOffer = endpoint({ offer: Body(Offer) }, ({ offer }) => offer);

// "Bodies of pure lists"
const createImages = endpoint(
  { images: Body(z.array(Image)) },
  ({ images }) => images,
);

// "Bodies of arbitrary dicts"
const createWeights = endpoint(
  { weights: Body(z.record(z.string(), z.number())) },
  ({ weights }) => weights,
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'post', path: '/offers', endpoint: createOffer },
    { method: 'post', path: '/images/multiple', endpoint: createImages },
    { method: 'post', path: '/index-weights', endpoint: createWeights },
  ],
};
