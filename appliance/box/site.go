package box

import (
	"errors"
	"fmt"

	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// A Site is one that the box can be.
type Site struct {
	Number int // of the kept sites; 0: the image's own
	Meta   bundle.Meta
	Files  map[string][]byte
	Site   *site.Site

	Warnings site.Problems // about one that comes from people, and that the box never was
}

// Load reads the files of a site. The error is that of site.Load.
func Load(number int, b bundle.Bundle) (Site, error) {
	s, err := site.Load(b.FS())
	if err != nil {
		return Site{}, err
	}
	return Site{Number: number, Meta: b.Meta, Files: b.Files, Site: s}, nil
}

// Hash is that of the files.
func (s Site) Hash() string { return bundle.Hash(s.Files) }

// choose returns the site to start with: the one that was kept last if it was made on this image, else the
// image's.
func (b *Box) choose() (Site, error) {
	if b.Store != nil {
		latest, passed := b.Store.Latest(bundle.Hash(b.Image.Files))
		b.problem("site", errors.Join(passed...))
		switch {
		case latest.OtherImage:
			b.note = fmt.Sprintf("site %d was applied to another image, and is not used: "+
				"gatehouse diff image %[1]d, gatehouse rollback %[1]d", latest.Number)
		case latest.Number != 0:
			s, err := Load(latest.Number, latest.Bundle)
			if err == nil {
				return s, nil
			}
			err = fmt.Errorf("site %d is not usable, so the image's runs: %w", latest.Number, err)
			b.problem("site", err)
		}
	}
	s, err := Load(0, b.Image)
	if err != nil {
		return Site{}, fmt.Errorf("the image's site is not usable: %w", err)
	}
	return s, nil
}
