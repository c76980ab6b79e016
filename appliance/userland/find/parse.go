package find

import (
	"errors"
	"fmt"
	"strconv"
)

// maxNesting bounds parentheses in each other.
const maxNesting = 500

// A parser reads an expression.
type parser struct {
	*finder
	args   []string
	nested int
}

func (p *parser) parse() (node, error) {
	if len(p.args) == 0 {
		return test(func(*entry) bool { return true }), nil
	}
	n, err := p.alternatives()
	if err == nil && len(p.args) > 0 {
		err = fmt.Errorf("unexpected %s", p.args[0])
	}
	return n, err
}

func (p *parser) next(words ...string) bool {
	for _, word := range words {
		if len(p.args) > 0 && p.args[0] == word {
			return true
		}
	}
	return false
}

func (p *parser) alternatives() (node, error) {
	n, err := p.sequence()
	for err == nil && p.next("-o", "-or") {
		p.args = p.args[1:]
		var m node
		m, err = p.sequence()
		n = &either{n, m}
	}
	return n, err
}

func (p *parser) sequence() (node, error) {
	n, err := p.one()
	for err == nil && len(p.args) > 0 && !p.next("-o", "-or", ")") {
		if p.next("-a", "-and") {
			p.args = p.args[1:]
		}
		var m node
		m, err = p.one()
		n = &both{n, m}
	}
	return n, err
}

func (p *parser) one() (node, error) {
	if len(p.args) == 0 {
		return nil, errors.New("expected more of the expression")
	}
	word := p.args[0]
	p.args = p.args[1:]
	if p.nested++; p.nested > maxNesting {
		return nil, errors.New("too much in parentheses")
	}
	defer func() { p.nested-- }()
	switch word {
	case "!", "-not":
		n, err := p.one()
		return not{n}, err
	case "(":
		n, err := p.alternatives()
		if err == nil && !p.next(")") {
			err = errors.New("( without )")
		}
		if err == nil {
			p.args = p.args[1:]
		}
		return n, err
	}
	return p.primary(word)
}

// value is the word behind another.
func (p *parser) value(word string) (string, error) {
	if len(p.args) == 0 {
		return "", fmt.Errorf("%s: expected something behind it", word)
	}
	value := p.args[0]
	p.args = p.args[1:]
	return value, nil
}

func (p *parser) primary(word string) (node, error) {
	always := test(func(*entry) bool { return true })
	switch word {
	case "-follow":
		p.follow = true
		return always, nil
	case "-depth":
		p.depth = true
		return always, nil
	case "-xdev":
		p.oneDevice = true
		return always, nil
	case "-empty":
		return action(p.empty), nil
	case "-executable":
		return test(executable), nil
	case "-prune":
		return action(func(*entry) bool { p.prune = true; return true }), nil
	case "-print":
		p.acts = true
		return action(p.print), nil
	case "-print0":
		p.acts = true
		return action(p.print0), nil
	case "-quit":
		p.acts = true
		return action(func(*entry) bool { p.quit = true; return true }), nil
	case "-exec":
		p.acts = true
		return p.exec()
	}
	read, ok := p.tests()[word]
	if !ok {
		return nil, fmt.Errorf("unknown test or action %s", word)
	}
	value, err := p.value(word)
	if err != nil {
		return nil, err
	}
	n, err := read(value)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", word, value, err)
	}
	return n, nil
}

// tests are those with a value.
func (p *parser) tests() map[string]func(string) (node, error) {
	return map[string]func(string) (node, error){
		"-name": glob((*entry).name, false), "-iname": glob((*entry).name, true),
		"-path": glob(pathOf, false), "-ipath": glob(pathOf, true), "-regex": expression,
		"-type": fileType, "-perm": permission, "-user": owner, "-group": group, "-size": size,
		"-links": number(func(e *entry) int64 { return int64(e.stat.Nlink) }),
		"-inum":  number(func(e *entry) int64 { return int64(e.stat.Ino) }),
		"-mtime": age(modified, day), "-atime": age(accessed, day), "-ctime": age(changed, day),
		"-mmin": age(modified, minute), "-amin": age(accessed, minute), "-cmin": age(changed, minute),
		"-newer": newer, "-samefile": sameFile,
		"-maxdepth": p.limit(&p.max), "-mindepth": p.limit(&p.min),
	}
}

func (p *parser) limit(to *int) func(string) (node, error) {
	return func(value string) (node, error) {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return nil, errors.New("expected a number")
		}
		*to = int(n)
		return test(func(*entry) bool { return true }), nil
	}
}
