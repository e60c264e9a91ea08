//! The names that a visitor reads for OpenMoji's groups and subgroups.

/** `[group, name, key of the sticker that stands for it]`, in the order of the shop window. */
export const AISLES = [
  ['animals-nature', 'Animals & plants', '1F98A'],
  ['food-drink', 'Food & drink', '1F353'],
  ['smileys-emotion', 'Faces & feelings', '1F60A'],
  ['people-body', 'People', '1F9D1-200D-1F680'],
  ['activities', 'Things to do', '1F3A8'],
  ['travel-places', 'Places & travel', '1F3D5'],
  ['objects', 'Objects', '1F4FB'],
  ['extras-openmoji', 'Only in OpenMoji', 'E006'],
  ['symbols', 'Signs', '2648'],
  ['flags', 'Flags', '1F3F4-200D-2620-FE0F'],
  ['extras-unicode', 'Rare signs', '2623'],
  ['component', 'Skin & hair', '1F9B0'],
];

const NAMES = {
  'face-smiling': 'Smiles', 'face-affection': 'Affection', 'face-tongue': 'Tongues out', 'face-hand': 'Faces with hands',
  'face-neutral-skeptical': 'Unimpressed', 'face-sleepy': 'Sleepy', 'face-unwell': 'Unwell', 'face-hat': 'Faces in hats',
  'face-glasses': 'Glasses on', 'face-concerned': 'Worried', 'face-negative': 'Cross', 'face-costume': 'Costumes',
  'cat-face': 'Cat faces', 'monkey-face': 'Three monkeys', heart: 'Hearts', emotion: 'Bursts of feeling',
  'hand-fingers-open': 'Open hands', 'hand-fingers-partial': 'Hand signs', 'hand-single-finger': 'Pointing', 'hand-fingers-closed': 'Fists & thumbs',
  hands: 'Both hands', 'hand-prop': 'Busy hands', 'body-parts': 'Parts of the body', person: 'People', 'person-gesture': 'Gestures',
  'person-role': 'At work', 'person-fantasy': 'Fairy tales & heroes', 'person-activity': 'Out and about', 'person-sport': 'Athletes',
  'person-resting': 'At rest', family: 'Families & couples', 'person-symbol': 'Silhouettes', 'skin-tone': 'Skin tones', 'hair-style': 'Hair',
  'animal-mammal': 'Mammals', 'animal-bird': 'Birds', 'animal-amphibian': 'Frogs', 'animal-reptile': 'Reptiles', 'animal-marine': 'Sea life',
  'animal-bug': 'Bugs', 'plant-flower': 'Flowers', 'plant-other': 'Plants', 'food-fruit': 'Fruit', 'food-vegetable': 'Vegetables',
  'food-prepared': 'Hot meals', 'food-asian': 'Asian kitchen', 'food-sweet': 'Sweets', drink: 'Drinks', dishware: 'Tableware',
  'place-map': 'Maps', 'place-geographic': 'Landscapes', 'place-building': 'Buildings', 'place-religious': 'Houses of faith', 'place-other': 'Places',
  'transport-ground': 'On the road', 'transport-water': 'On the water', 'transport-air': 'In the air', hotel: 'Hotels', time: 'Clocks', 'sky-weather': 'Sky & weather',
  event: 'Celebrations', 'award-medal': 'Medals', sport: 'Sports', game: 'Games', 'arts-crafts': 'Arts & crafts',
  clothing: 'Clothes', sound: 'Sound', music: 'Music', 'musical-instrument': 'Instruments', phone: 'Phones', computer: 'Computers',
  'light-video': 'Light & film', 'book-paper': 'Books & paper', money: 'Money', mail: 'Mail', writing: 'Pens', office: 'Office',
  lock: 'Locks & keys', tool: 'Tools', science: 'Science', medical: 'Medicine', household: 'Household', 'other-object': 'Odd objects',
  'transport-sign': 'Travel signs', warning: 'Warnings', arrow: 'Arrows', religion: 'Faiths', zodiac: 'Zodiac', 'av-symbol': 'Play & pause',
  gender: 'Gender', math: 'Math', punctuation: 'Punctuation', currency: 'Currency', 'other-symbol': 'Other signs', keycap: 'Keys',
  alphanum: 'Letters & words', geometric: 'Shapes', flag: 'Flags', 'country-flag': 'Countries', 'subdivision-flag': 'Regions',
  'climate-environment': 'Climate', 'queer-symbols': 'Queer flags & signs', 'symbol-other': 'Signs', 'ui-element': 'Interface parts',
  'regional-indicator': 'Regional letters', 'animals-nature': 'More animals', 'food-drink': 'More to eat', 'smileys-emotion': 'More faces',
  'travel-places': 'More places', symbols: 'More signs', flags: 'More flags',
};

/** "animal-mammal" to "Mammals"; a subgroup without a name is written in plain words. */
export function subgroupName(slug) {
  if (Object.hasOwn(NAMES, slug)) return NAMES[slug];
  const words = slug.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
