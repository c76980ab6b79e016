package check

import (
	"io/fs"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// maxKeyFile bounds a file that holds a secret, in bytes.
const maxKeyFile = 4 << 10

// secretForm is what is expected of a secret in a file of its own.
type secretForm struct {
	key, what, example string
	least, most        int // bytes
}

// secret reads one from the file that a key names: what is wrong with it is said without it. A file that
// several name is read once.
func (l *loader) secret(at source.Span, name string, form secretForm) model.Secret {
	if !fs.ValidPath(name) || name == "." || source.IsFixed(name) {
		l.At(at, "%s %q is no file for a key; expected one within the site, such as %q", form.key, name,
			form.example)
		return ""
	}
	if known, ok := l.secrets[name]; ok {
		return known
	}
	if l.secrets == nil {
		l.secrets = map[string]model.Secret{}
	}
	l.secrets[name] = ""
	src, message := l.files.Read(name, maxKeyFile)
	switch {
	case message != "":
		l.AtFile(name, "%s", message)
		return ""
	case src == nil:
		l.At(at, "%s: there is no file %s in the site; expected one with %s", form.key, name, form.what)
		return ""
	}
	if at, reason := src.NotText(); reason != "" && !at.OK() { // of a place the line would be shown
		l.AtFile(name, "%s", reason)
		return ""
	}
	text := strings.TrimRight(src.Text, " \t\r\n")
	hidden := func(c rune) bool { return c <= ' ' || c > '~' }
	if len(text) < form.least || len(text) > form.most || strings.IndexFunc(text, hidden) >= 0 {
		l.AtFile(name, "is no key; expected one line of %d to %d visible characters of ASCII", form.least,
			form.most)
		return ""
	}
	l.secrets[name] = model.Secret(text)
	return l.secrets[name]
}
