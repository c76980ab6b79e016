package lookup

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// plusWords are the options that begin with +, those first that a word cut short means.
func plusWords() []string {
	return []string{
		"aaflag", "aaonly", "additional", "adflag", "all", "answer", "authority", "bufsize", "cdflag",
		"class", "cmd", "comments", "cookie", "defname", "dnssec", "do", "domain", "edns", "identify",
		"ignore", "ndots", "nsid", "onesoa", "qr", "question", "rdflag", "recurse", "retry", "search",
		"short", "split", "stats", "subnet", "tcp", "time", "timeout", "trace", "tries", "ttlid", "ttlunits", "vc",
	}
}

// fullWord finds the word that one cut short stands for.
func fullWord(word string) (string, bool) {
	for _, full := range plusWords() {
		if full == word {
			return full, true
		}
	}
	for _, full := range plusWords() {
		if word != "" && strings.HasPrefix(full, word) {
			return full, true
		}
	}
	return "", false
}

// plus reads an option without its plus.
func (q *query) plus(line *digLine, text string) error {
	word, value, given := strings.Cut(strings.ToLower(text), "=")
	on := true
	full, ok := fullWord(word)
	if !ok {
		if word, on = strings.CutPrefix(word, "no"); on {
			full, ok = fullWord(word)
		}
		on = !on
	}
	if !ok {
		return fmt.Errorf("%w: +%s", errUsage, printableName(text))
	}
	if flag := q.flag(line, full); flag != nil {
		if given {
			return fmt.Errorf("%w: +%s takes no value", errUsage, full)
		}
		*flag = on
		return nil
	}
	if q.group(line, full, on) {
		return nil
	}
	return q.number(line, full, value, on, given)
}

// flag is the field of an option that is on or off.
func (q *query) flag(line *digLine, word string) *bool {
	return map[string]*bool{
		"aaflag": &q.aa, "aaonly": &q.aa, "additional": &q.additional, "adflag": &q.ad, "answer": &q.answer,
		"authority": &q.authority, "cdflag": &q.cd, "class": &q.style.class, "cmd": &line.cmd,
		"comments": &q.comments, "cookie": &q.useCookie, "defname": &q.search, "identify": &q.identify,
		"ignore": &q.ignore, "nsid": &q.nsid, "onesoa": &q.onesoa, "qr": &q.qr, "question": &q.question,
		"rdflag": &q.recurse, "recurse": &q.recurse, "search": &q.search, "stats": &q.stats, "tcp": &q.tcp,
		"ttlid": &q.ttl, "vc": &q.tcp,
	}[word]
}

// group sets what is several options in one.
func (q *query) group(line *digLine, word string, on bool) bool {
	switch word {
	case "all":
		q.comments, q.question, q.answer, q.authority, q.additional, line.cmd, q.stats = on, on, on, on, on,
			on, on
	case "dnssec", "do":
		q.dnssec = on
		if q.edns < 0 && on {
			q.edns = 0
		}
	case "short":
		line.short = on
		if on {
			q.comments, q.question, q.authority, q.additional, line.cmd, q.stats, q.answer = false, false,
				false, false, false, false, true
		}
	case "trace":
		q.trace = on
		if on {
			q.recurse, q.identify, q.comments, q.question, q.additional = false, true, false, false, false
			q.authority, q.stats, q.dnssec = true, true, true
		}
	case "ttlunits":
		q.units, q.ttl = on, q.ttl || on
	default:
		return false
	}
	return true
}

// number sets what has a value.
func (q *query) number(line *digLine, word, value string, on, given bool) error {
	switch word {
	case "subnet":
		return q.setSubnet(value, on)
	case "domain":
		line.domain, q.search = value, on
		return nil
	case "edns":
		if q.edns = -1; !on {
			return nil
		}
		if q.edns = 0; !given {
			return nil
		}
	case "split":
		if q.split = 0; !on {
			return nil
		}
		if q.split = splitWidth; !given {
			return nil
		}
	case "bufsize":
		if !given {
			q.bufsize = 1232
			return nil
		}
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 65535 || !on {
		return fmt.Errorf("%w %s: expected a number from 0 to 65535", errValue, word)
	}
	switch word {
	case "bufsize":
		q.bufsize, q.edns = uint16(n), max(q.edns, 0)
	case "edns":
		q.edns = min(n, 255)
	case "ndots":
		line.ndots = n
	case "retry":
		q.tries = n + 1
	case "split":
		q.split = (n + 3) / 4 * 4
	case "time", "timeout":
		q.timeout = max(time.Duration(n)*time.Second, time.Second)
	case "tries":
		q.tries = max(n, 1)
	}
	return nil
}

// setSubnet takes 192.0.2.0/24, an address, or 0 for none at all.
func (q *query) setSubnet(value string, on bool) error {
	if q.subnet = (netip.Prefix{}); !on {
		return nil
	}
	if value == "0" || value == "0/0" {
		value = "0.0.0.0/0"
	}
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		a, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("%w client subnet", errValue)
		}
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	q.subnet = prefix.Masked()
	return nil
}
