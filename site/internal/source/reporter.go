package source

import (
	"cmp"
	"fmt"
	"slices"
)

// Reporter collects problems while a site is read.
type Reporter struct {
	list     []located // the errors
	warnings []located
}

type located struct {
	Problem
	at   Span
	rank int // of the file
}

// maxProblems bounds the memory that a wholly broken site can take, by its errors and by its warnings.
const maxProblems = 1000

// At reports a problem at a place.
func (r *Reporter) At(at Span, format string, args ...any) {
	r.Against(at, Span{}, format, args...)
}

// Against reports that what stands at one place contradicts what stands at
// another.
func (r *Reporter) Against(at, other Span, format string, args ...any) {
	if len(r.list) < maxProblems {
		r.list = append(r.list, locate(Error, at, other, format, args...))
	}
}

// Warn reports what a site may say and hardly means. The other place is where that follows from, or none.
func (r *Reporter) Warn(at, other Span, format string, args ...any) {
	if len(r.warnings) < maxProblems {
		r.warnings = append(r.warnings, locate(Warning, at, other, format, args...))
	}
}

func locate(severity Severity, at, other Span, format string, args ...any) located {
	p := located{at: at, rank: fileRank(at.File.name)}
	p.Severity, p.File = severity, at.File.name
	p.Line, p.Col = at.File.Position(at.Off)
	p.Message = fmt.Sprintf(format, args...)
	if other.OK() {
		p.Other = other.Place()
	}
	return p
}

// Shown reports whether the next error is likely one that a person will read, so that it is worth a search
// for what was meant.
func (r *Reporter) Shown() bool { return len(r.list) < shownProblems }

// Count returns how many errors there are so far.
func (r *Reporter) Count() int { return len(r.list) }

// AtFile reports an error of a file as a whole.
func (r *Reporter) AtFile(name, format string, args ...any) {
	if len(r.list) < maxProblems {
		r.list = append(r.list, whole(Error, name, format, args...))
	}
}

// WarnFile warns of a file as a whole.
func (r *Reporter) WarnFile(name, format string, args ...any) {
	if len(r.warnings) < maxProblems {
		r.warnings = append(r.warnings, whole(Warning, name, format, args...))
	}
}

func whole(severity Severity, name, format string, args ...any) located {
	return located{Problem: Problem{Severity: severity, File: name, Message: fmt.Sprintf(format, args...)},
		rank: fileRank(name)}
}

// Problems returns what was reported, in order; nil if nothing was.
func (r *Reporter) Problems() Problems {
	var out Problems
	for _, list := range [][]located{r.list, r.warnings} {
		slices.SortStableFunc(list, func(a, b located) int {
			return cmp.Or(a.rank-b.rank, cmp.Compare(a.File, b.File), a.Line-b.Line, a.at.Off-b.at.Off)
		})
		for _, p := range list {
			if p.at.OK() {
				p.Excerpt = excerpt(p.at)
			}
			out = append(out, p.Problem)
		}
	}
	return out
}
