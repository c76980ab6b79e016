package check

import (
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// template is text with variables in braces. The naming scheme of the hosts that
// boot from the network consists of templates.
type template []templatePart

// templatePart is a variable or the text between two of them.
type templatePart struct {
	text     string
	variable bool
}

// variable is what a template may name.
type variable struct{ Name, Doc string }

// Variables returns what a template may name.
func Variables() []variable {
	return []variable{
		{"name", "the host's name"},
		{"domain", "the site's domain"},
		{"server", "the IPv4 address of the netboot server"},
		{"address", "the host's IPv4 address"},
		{"mac", "the host's MAC, with colons"},
	}
}

// expand returns the text with the values of the variables in it.
func (t template) expand(values map[string]string) string {
	var b strings.Builder
	for _, part := range t {
		if part.variable {
			b.WriteString(values[part.text])
		} else {
			b.WriteString(part.text)
		}
	}
	return b.String()
}

// uses reports whether a variable stands in the template.
func (t template) uses(variable string) bool {
	return slices.Contains(t, templatePart{variable, true})
}

// readTemplate reads the template that a key has. It reports braces without a
// partner and unknown variables at their places, and returns nil then.
func readTemplate(key string, v toml.Str, problem *source.Reporter) template {
	var t template
	valid := true
	for off := 0; off < len(v.Text); {
		rest := v.Text[off:]
		brace := strings.IndexAny(rest, "{}")
		if brace != 0 {
			if brace < 0 {
				brace = len(rest)
			}
			t = append(t, templatePart{text: rest[:brace]})
			off += brace
			continue
		}
		name, ok := cutVariable(rest)
		if !ok {
			problem.At(v.Part(off, 1), "%s has %q without its partner; expected variables in braces, such as {name}", key, rest[:1])
			valid = false
			off++
			continue
		}
		if reason := notVariable(name); reason != "" {
			problem.At(v.Part(off, len(name)+2), "%s has the unknown variable {%s}; %s", key, name, reason)
			valid = false
		}
		t = append(t, templatePart{name, true})
		off += len(name) + 2
	}
	if !valid {
		return nil
	}
	return t
}

// cutVariable returns the name in the braces that s starts with.
func cutVariable(s string) (name string, ok bool) {
	end := strings.IndexAny(s[1:], "{}")
	if s[0] != '{' || end < 0 || s[1+end] != '}' {
		return "", false
	}
	return s[1 : 1+end], true
}

// notVariable says what was expected in place of an unknown variable.
func notVariable(name string) string {
	var names, shown []string
	for _, v := range Variables() {
		names, shown = append(names, v.Name), append(shown, "{"+v.Name+"}")
	}
	if slices.Contains(names, name) {
		return ""
	}
	if near := toml.Nearest(name, names); near != "" {
		return "did you mean {" + near + "}?"
	}
	return "expected " + toml.OneOf(shown)
}
