/** A row of the benchmarks: twenty columns, most of them text, as product data are. */
export function row(index: number): Record<string, string | number> {
  return {
    id: index,
    sku: `SKU-${index}`,
    title: `Product number ${index} of the catalogue, with a title of ordinary length`,
    description: 'A description that goes on for a while, as descriptions of products do in real catalogues.',
    brand: `Brand ${index % 97}`,
    gtin: String(4_000_000_000_000 + index),
    category: 'Home > Kitchen > Cookware',
    price: (index % 9973) / 100,
    currency: 'EUR',
    availability: index % 7 === 0 ? 'out of stock' : 'in stock',
    stock: index % 240,
    colour: 'anthracite',
    material: 'stainless steel',
    size: '24 cm',
    weight: 1250,
    image: `https://images.example.com/products/${index}-1.jpg`,
    link: `https://shop.example.com/p/${index}`,
    rating: 4.5,
    reviews: index % 900,
    updated: '2026-03-01T10:15:00+00:00',
  };
}
