package check

import (
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/sshkey"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const minRSABits = 2048 // NIST SP 800-131A

// readAuthorizedKeys returns the lines of authorized_keys (sshd(8)), each a type,
// a key and a comment. Options before a key are refused: to let someone in who was
// to be held to one command would be worse than to ask.
func readAuthorizedKeys(src *source.File, problem *source.Reporter) (keys []string, places []source.Span) {
	within := false // a key in another form, of which all lines are one mistake
	for _, start := range src.Starts {
		line := lineSpan(src, start)
		text := src.Text[line.Off:line.End]
		if reason, ends := otherForm(text); reason != "" || ends {
			if within = reason != ""; within {
				problem.At(line, "%s", reason)
			}
			continue
		}
		switch {
		case within, text == "", text[0] == '#':
		default:
			if at, reason := notAuthorized(line, text); reason != "" {
				problem.At(at, "%s", reason)
			} else {
				keys, places = append(keys, text), append(places, line)
			}
		}
	}
	return keys, places
}

// otherForm says what is wrong with a key that begins with a line, and whether the line ends one.
func otherForm(text string) (reason string, ends bool) {
	const private = "this is a private key, which must never leave its owner; expected the line of the matching .pub file"
	switch begins := strings.Contains(text, "BEGIN"); {
	case strings.HasPrefix(text, "PuTTY-User-Key-File-"), strings.Contains(text, "PRIVATE KEY-----") &&
		begins:
		return private, false
	case strings.Contains(text, "SSH2 PUBLIC KEY ----") && begins:
		return `this is a public key as RFC 4716 has it; expected the line that "ssh-keygen -i -f FILE" makes of it`, false
	}
	return "", strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "SSH2 PUBLIC KEY ----") ||
		strings.HasPrefix(text, "Private-MAC:")
}

// lineSpan is the line that begins at an offset, without blanks around it.
func lineSpan(src *source.File, start int) source.Span {
	end := len(src.Text)
	if i := strings.IndexByte(src.Text[start:], '\n'); i >= 0 {
		end = start + i
	}
	text := src.Text[start:end]
	start += len(text) - len(strings.TrimLeft(text, " \t\r"))
	return src.Span(start, start+len(strings.Trim(text, " \t\r")))
}

// notAuthorized says what is wrong with a line and where, "" if nothing is.
func notAuthorized(line source.Span, text string) (source.Span, string) {
	key, err := sshkey.Parse(text)
	first := text[:strings.IndexAny(text+" ", " \t")]
	word := line.File.Span(line.Off, line.Off+len(first))
	switch {
	case first == "ssh-dss":
		return word, "DSA keys are broken and refused (RFC 9142); expected a key of type ssh-ed25519"
	case strings.HasPrefix(text, "---- BEGIN SSH2 PUBLIC KEY"):
		return line, "this key is in the form of RFC 4716, as PuTTY saves it; expected what `ssh-keygen -i -f FILE` makes of it, one line"
	case err != nil:
		return line, `this is no public key; expected a line such as "ssh-ed25519 AAAA… name@host"`
	case key.Options != "":
		return word, "options before a key are not supported, and would be ignored; expected the key only"
	case !slices.Contains(sshkey.Types(), key.Type):
		return word, "a key of type " + key.Type + " is not accepted; expected " + toml.OneOf(sshkey.Types())
	case 0 < key.RSABits && key.RSABits < minRSABits:
		return word, "this RSA key is too short; expected 2048 bits or more, or a key of type ssh-ed25519"
	}
	return source.Span{}, ""
}
