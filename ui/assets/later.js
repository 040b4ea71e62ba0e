// later gives a function that acts once nobody has called it for ms.
export function later(ms, act) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
}
