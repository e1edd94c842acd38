import { type Filter, isShown } from '../shown/filter.js';
import { Records } from '../shown/records.js';
import { showApp } from './app-view.js';
import { DetailView } from './detail-view.js';
import { byId } from './dom.js';
import { ListView } from './list-view.js';
import { listen } from './listen.js';

const records = new Records();
const detail = new DetailView();
const list = new ListView(choose);
const route = byId<HTMLInputElement>('route');
const status = byId<HTMLSelectElement>('status');
const slower = byId<HTMLInputElement>('slower');
const pause = byId<HTMLButtonElement>('pause');

let isDue = false;

function choose(id: number): void {
  const record = records.get(id);
  if (!record) return;
  list.chosen = id;
  detail.show(record);
  detail.focus();
}

function filter(): Filter {
  return { route: route.value.trim(), status: status.value, slowerThan: Number(slower.value) || 0 };
}

function render(): void {
  isDue = false;
  const wanted = filter();
  const all = records.requests;
  list.show(
    all.filter(record => isShown(record, wanted)),
    all.length,
  );
  const chosen = records.get(detail.id);
  if (chosen) detail.show(chosen);
  showApp(records.app);
}

/** Renders at most once a frame, and not while the page is paused. */
function renderSoon(): void {
  if (isDue || pause.getAttribute('aria-pressed') === 'true') return;
  isDue = true;
  requestAnimationFrame(render);
}

for (const input of [route, status, slower])
  input.addEventListener('input', () => {
    render();
    byId('found').textContent = `${byId('count').textContent} requests`;
  });
byId('filters').addEventListener('submit', event => event.preventDefault());
byId('clear').addEventListener('click', () => {
  records.clear();
  render();
});
pause.addEventListener('click', () => {
  pause.setAttribute('aria-pressed', String(pause.getAttribute('aria-pressed') !== 'true'));
  renderSoon();
});
listen(batch => {
  records.take(batch);
  renderSoon();
});
render();
