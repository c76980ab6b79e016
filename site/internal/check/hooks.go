package check

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxHooks    = 8
	maxHookName = 64
	scriptShell = "/bin/sh" // the one interpreter that the appliance has
)

// checkHooks reads the programs that run when the lease of the way out changes.
func (l *loader) checkHooks() {
	v, c := l.raw.WAN.Hooks, l.site.WAN.DHCP
	if c == nil {
		return // noClient has said so
	}
	seen := map[string]source.Span{}
	for i, item := range v.Items {
		first, twice := seen[item.Text]
		switch {
		case i == maxHooks:
			l.At(item.At, "hooks has %d files; expected at most %d", len(v.Items), maxHooks)
			return
		case !isHookName(item.Text) || source.IsFixed(item.Text):
			l.At(item.At, `hooks: %q is no file for a hook; expected one directly in the site whose name has `+
				`letters, digits, ".", "_" and "-" only, such as "dyndns.sh"`, item.Text)
		case twice:
			l.Against(item.At, first, "hooks: %s is here a second time; expected it once", item.Text)
		default:
			seen[item.Text] = item.At
			if content := l.readHook(item); content != nil {
				c.Hooks = append(c.Hooks, model.Hook{Name: item.Text, Content: content})
			}
		}
	}
	if v.OK() && len(v.Items) == 0 {
		l.At(v.At, `hooks is empty; expected a file such as "dyndns.sh", or no such line`)
	}
}

// isHookName reports whether a name is harmless wherever it is shown, and no option or hidden file.
func isHookName(s string) bool {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') &&
			!strings.ContainsRune("._-", r)
	}
	return s != "" && len(s) <= maxHookName && !strings.ContainsAny(s[:1], ".-") &&
		!strings.ContainsFunc(s, odd)
}

// readHook returns the content of a hook that the appliance can run, nil of others.
func (l *loader) readHook(name toml.Str) []byte {
	src, message := l.files.Read(name.Text, maxHook)
	switch {
	case message != "":
		l.AtFile(name.Text, "%s", message)
		return nil
	case src == nil:
		l.At(name.At, "hooks: there is no file %s in the site", name.Text)
		return nil
	}
	if b := []byte(src.Text); bytes.HasPrefix(b, []byte("\x7fELF")) {
		if !isStatic(b) {
			l.AtFile(name.Text, "is no static executable for 64-bit x86; expected one, or a script")
			return nil
		}
		return b
	}
	if at, reason := src.NotText(); at.OK() {
		l.At(at, "%s", reason)
		return nil
	} else if reason != "" {
		l.AtFile(name.Text, "%s", reason)
		return nil
	}
	line := src.Line(1)
	begin, hasEnd := src.Span(0, len(line)), strings.HasSuffix(line, "\r")
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	switch {
	case !strings.HasPrefix(line, "#!"):
		l.At(begin, `%s is neither a script nor an executable; expected a first line "#!%s"`, name.Text,
			scriptShell)
	case hasEnd:
		l.At(begin, "%s has a carriage return at the end of its first line, where the kernel takes it for a part of it; "+
			"expected lines as Unix has them", name.Text)
	case len(words) == 0 || words[0] != scriptShell:
		l.At(begin, `%s wants an interpreter that the appliance does not have; expected "#!%s"`, name.Text,
			scriptShell)
	case strings.Contains(src.Text, "\r"):
		off := strings.Index(src.Text, "\r")
		l.At(src.Span(off, off+1), "%s has a carriage return here, which sh takes for a part of the line; "+
			"expected lines as Unix has them", name.Text)
	default:
		return []byte(src.Text)
	}
	return nil
}

// isStatic reports whether b is an executable for the appliance's processor that wants no loader: elf(5).
func isStatic(b []byte) bool {
	const (
		class64, littleEndian, x86 = 2, 1, 62
		header, segment, loader    = 64, 56, 3 // sizes, and the type PT_INTERP
	)
	le := binary.LittleEndian
	if len(b) < header || b[4] != class64 || b[5] != littleEndian || le.Uint16(b[18:]) != x86 ||
		le.Uint16(b[54:]) != segment {
		return false
	}
	at, count := le.Uint64(b[32:]), int(le.Uint16(b[56:]))
	if at > uint64(len(b)) || count > (len(b)-int(at))/segment {
		return false
	}
	for table := b[at:]; count > 0; count-- {
		if le.Uint32(table) == loader {
			return false
		}
		table = table[segment:]
	}
	return true
}
