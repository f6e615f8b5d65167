// Before anything else runs in the page: keeps what goes wrong in it.
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
})();
