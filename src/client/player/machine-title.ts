/** What a drum machine is called, by the name of its bank: the player has those in small letters. */

/** As they begin banks' names. */
const MAKERS = [
  ...['Akai', 'Alesis', 'Boss', 'Casio', 'Doepfer', 'Emu', 'Korg', 'Linn', 'MFB', 'Moog', 'Oberheim'],
  ...['Rhodes', 'Roland', 'Sakata', 'Sequential Circuits', 'Serge', 'Simmons', 'Soundmasters', 'Univox'],
  ...['Visco', 'Yamaha'],
];
/** Letters before a number that are a model's: `tr909`, `lm8953`. Longer ones are words. */
const MAX_MODEL_LETTERS = 4;

/** `rolandtr909` is a Roland TR909, `linndrum` a Linn Drum. A name that has capitals stays as it is. */
export function machineTitle(bank: string): string {
  if (bank !== bank.toLowerCase()) return bank;
  const maker = MAKERS.find((name) => {
    const begin = name.replace(' ', '').toLowerCase();
    return bank.startsWith(begin) && bank.length > begin.length;
  });
  const model = maker === undefined ? bank : bank.slice(maker.replace(' ', '').length);
  const [letters = ''] = /^[a-z]*/.exec(model) ?? [];
  const isModel = letters.length < model.length && letters.length <= MAX_MODEL_LETTERS;
  const shown = isModel ? model.toUpperCase() : model.charAt(0).toUpperCase() + model.slice(1);
  return maker === undefined ? shown : `${maker} ${shown}`;
}
