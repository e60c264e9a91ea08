//! What a person chose to show first: the window before anyone's taste is known, and words to try in search.

export const PICKS = [
  '1F98A', '1F353', '1F680', '1F419', '1F308', '2615', '1F335', '1F3B8', '1F9C1', '1F433', '1F344', '1F6B2',
  '1F989', '1F355', '1F33B', '1F3D4', '1F47B', '1F4F7', '1F98B', '1F366', '1FA90', '1F3A8', '1F9E6', '1F415',
  '1F951', '26F5', '1F60E', '1F384', '1F41D', '1F4DA', '1F995', '1F363', '1F3A0', '1F9D9', '1F340', '1F6F8',
];

export const PILE = ['1F419', '1F353', '1F98A', '2615', '1F680', '1F33B', '1F47B'];

export const IDEAS = ['something warm to drink', 'a rainy day', 'tiny animals', 'say sorry', 'outer space', 'garden work', 'scary but cute', 'win a race'];
