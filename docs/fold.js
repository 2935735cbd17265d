
// Added by course/site.py. « tache » finds « tâche »: words lose their accents, in the index and
// in what is searched.
(() => {
  const plain = (word) => word.normalize("NFD").replace(/\p{M}/gu, "");
  const fold = (token) => token.update(plain);
  lunr.Pipeline.registerFunction(fold, "fold");

  const french = lunr.fr;
  lunr.fr = Object.assign(function () {
    french.call(this);
    this.pipeline.add(fold);
  }, french);

  const Lexer = lunr.QueryLexer;
  lunr.QueryLexer = Object.assign(function (words) {
    Lexer.call(this, plain(words));
  }, Lexer);
  lunr.QueryLexer.prototype = Lexer.prototype;
})();
