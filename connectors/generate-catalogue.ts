/**
 * Writes the catalogue that the example connectors read: the same products at every run, so that a change of the
 * generator shows as a change of the data. Run it with `node connectors/generate-catalogue.ts`.
 */
import { writeFileSync } from 'node:fs';

const products = 2400;

/** A small generator of pseudo-random numbers (mulberry32): the same sequence everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const next = random(20_260_511);
const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));

interface Kind {
  path: string[];
  nouns: string[];
  materials: string[];
  sizes: string[];
  from: number;
  to: number;
  grams: [number, number];
}

const kinds: Kind[] = [
  {
    path: ['Kitchen', 'Cookware'],
    nouns: ['Saucepan', 'Frying pan', 'Stockpot', 'Wok', 'Casserole'],
    materials: ['stainless steel', 'cast iron', 'aluminium'],
    sizes: ['16 cm', '20 cm', '24 cm', '28 cm'],
    from: 19,
    to: 189,
    grams: [600, 4200],
  },
  {
    path: ['Kitchen', 'Tableware'],
    nouns: ['Cup', 'Mug', 'Bowl', 'Plate', 'Serving dish'],
    materials: ['stoneware', 'porcelain', 'glass'],
    sizes: ['S', 'M', 'L'],
    from: 4,
    to: 49,
    grams: [120, 1400],
  },
  {
    path: ['Garden', 'Tools'],
    nouns: ['Trowel', 'Secateurs', 'Rake', 'Watering can', 'Hoe'],
    materials: ['steel', 'ash wood', 'zinc'],
    sizes: ['short', 'long'],
    from: 9,
    to: 119,
    grams: [200, 3100],
  },
  {
    path: ['Garden', 'Furniture'],
    nouns: ['Bench', 'Folding chair', 'Side table', 'Sun lounger'],
    materials: ['acacia', 'teak', 'powder-coated steel'],
    sizes: ['2-seat', '3-seat', 'one size'],
    from: 49,
    to: 899,
    grams: [3500, 28_000],
  },
  {
    path: ['Clothing', 'Outdoor'],
    nouns: ['Rain jacket', 'Fleece', 'Hiking trousers', 'Wool hat'],
    materials: ['recycled polyester', 'merino wool', 'organic cotton'],
    sizes: ['XS', 'S', 'M', 'L', 'XL'],
    from: 19,
    to: 329,
    grams: [80, 900],
  },
  {
    path: ['Clothing', 'Shoes', 'Trail'],
    nouns: ['Trail shoe', 'Hiking boot', 'Sandal'],
    materials: ['nubuck', 'mesh', 'full-grain leather'],
    sizes: ['38', '40', '42', '44'],
    from: 59,
    to: 269,
    grams: [380, 1500],
  },
  {
    path: ['Home', 'Lighting'],
    nouns: ['Desk lamp', 'Pendant lamp', 'Floor lamp', 'Lantern'],
    materials: ['brass', 'glass', 'linen'],
    sizes: ['small', 'large'],
    from: 24,
    to: 549,
    grams: [400, 7800],
  },
  {
    path: ['Toys', 'Wooden'],
    nouns: ['Train set', 'Building blocks', 'Puzzle', 'Pull-along duck'],
    materials: ['beech', 'maple', 'lime wood'],
    sizes: ['24 pieces', '48 pieces', '100 pieces'],
    from: 9,
    to: 99,
    grams: [150, 2600],
  },
];

const brands = [
  'Norrvik',
  'Haldane & Co',
  'Küchenfreund',
  'Petit Atelier',
  'Sørland',
  'Ostra',
  'Millbrook',
  'Casa Verde',
];
const colours = ['anthracite', 'sage green', 'off-white', 'cobalt blue', 'terracotta', 'mustard', 'natural'];
const qualities = ['Classic', 'Everyday', 'Heritage', 'Light', 'Pro', 'Studio'];
const warehouses = ['Hamburg', 'Lyon', 'Poznań'];

/** The check digit that makes thirteen digits a valid GTIN. */
function gtin(number: number): string {
  const digits = `400${String(number).padStart(9, '0')}`;
  const sum = [...digits].reduce(
    (total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3),
    0,
  );
  return digits + ((10 - (sum % 10)) % 10);
}

function product(index: number): unknown {
  const kind = pick(kinds);
  const brand = pick(brands);
  const noun = pick(kind.nouns);
  const quality = pick(qualities);
  const colour = pick(colours);
  const material = pick(kind.materials);
  const size = pick(kind.sizes);
  const cents = between(kind.from, kind.to) * 100 + pick([0, 49, 90, 95, 99]);
  const reduced = next() < 0.22;
  const stock = warehouses.map((name) => ({
    warehouse: name,
    quantity: next() < 0.18 ? 0 : between(1, 240),
  }));
  const id = `${kind.path[0]?.slice(0, 2).toUpperCase()}-${String(10_000 + index)}`;
  const slug = `${brand} ${noun}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return {
    id,
    title: `${brand} ${quality} ${noun}, ${colour}, ${size}`,
    description: `${noun} of the ${quality} line, made of ${material}. Colour: ${colour}; size: ${size}.`,
    brand,
    gtin: gtin(index * 37 + 11),
    category: kind.path,
    price: {
      amount: (cents / 100).toFixed(2),
      currency: 'EUR',
      ...(reduced ? { sale: (cents * 0.0085).toFixed(2) } : {}),
    },
    availability: stock.some((entry) => entry.quantity > 0) ? 'in stock' : 'out of stock',
    stock,
    attributes: {
      colour,
      material,
      size,
      weight: { value: between(...kind.grams), unit: 'g' },
      ...(next() < 0.3
        ? { care: pick(['wipe clean', 'hand wash', 'machine wash at 30 °C', 'oil once a year']) }
        : {}),
    },
    images: Array.from(
      { length: between(1, 3) },
      (_value, image) => `https://images.example.com/${slug}/${id}-${image + 1}.jpg`,
    ),
    rating: next() < 0.7 ? { average: between(28, 50) / 10, count: between(1, 900) } : null,
    'updated-at': new Date(
      Date.UTC(2026, between(0, 3), between(1, 28), between(0, 23), between(0, 59)),
    ).toISOString(),
  };
}

const lines = `${Array.from({ length: products }, (_value, index) => JSON.stringify(product(index + 1))).join('\n')}\n`;
for (const connector of ['catalogue-typescript', 'catalogue-python']) {
  writeFileSync(new URL(`./${connector}/catalogue.ndjson`, import.meta.url), lines);
}
