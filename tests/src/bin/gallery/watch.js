// Before anything else runs in the page: keeps what goes wrong in it, and knows how a part of it is called.
(() => {
  const wrong = [];
  Object.defineProperty(window, 'galleryWrong', { value: wrong });
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
    wrong.push(['policy', violatedDirective, `${blockedURI} (${sourceFile}:${lineNumber})`]);
  });
  addEventListener('error', ({ message, filename, lineno }) => wrong.push(['error', 'page', `${message} (${filename}:${lineno})`]));
  addEventListener('unhandledrejection', ({ reason }) => wrong.push(['error', 'page', String(reason?.stack ?? reason)]));
  const { error } = console;
  console.error = (...said) => {
    wrong.push(['error', 'console', said.map(String).join(' ')]);
    error.apply(console, said);
  };

  /** Tag, classes and test id, after the test id or tag of what it is in. */
  function name(element) {
    const own = (part) => {
      const classes = [...part.classList].filter((each) => !/^s(velte)?-/.test(each)).map((each) => `.${each}`);
      const testid = part.dataset?.testid;
      return `${part.localName}${classes.join('')}${testid ? `[${testid}]` : ''}`;
    };
    const around = element.parentElement?.closest('[data-testid]');
    const parent = element.parentElement;
    const path = [around, parent === around ? null : parent, element].filter(Boolean).map(own);
    return path.join(' > ');
  }
  Object.defineProperty(window, 'galleryName', { value: name });
})();
