// Package shown is what process 1 shows the commands of the box, in the directory of the control sockets: the
// site that runs, what the box has learned beside it, and the rules that are loaded for it. Each is one file
// that is replaced as a whole, for root only. They are in memory: after a start they are there once the box
// is its site.
package shown

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

const (
	siteFile    = "site.tar"
	rulesFile   = "firewall.json"
	learnedFile = "learned.json"
	outlineFile = "outline.json"

	maxRules   = 64 << 20 // bytes
	maxLearned = 1 << 20
	maxOutline = 1 << 20
)

// WriteSite shows which site runs. The directory must exist.
func WriteSite(dir string, b bundle.Bundle) error {
	packed, err := bundle.Pack(b.Files, b.Meta)
	if err != nil {
		return err
	}
	return statefile.Write(filepath.Join(dir, siteFile), packed, 0o600)
}

// ReadSite returns the site that runs; with fs.ErrNotExist none does yet.
func ReadSite(dir string) (bundle.Bundle, error) {
	packed, err := statefile.Read(filepath.Join(dir, siteFile), bundle.MaxPacked)
	if err != nil {
		return bundle.Bundle{}, err
	}
	b, err := bundle.Open(packed)
	if err != nil {
		return b, fmt.Errorf("the site that runs: %w", err)
	}
	return b, nil
}

// WriteLearned shows what the box has learned, of which with the site the plan is made. The directory must
// exist.
func WriteLearned(dir string, l plan.Learned) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("what was learned: %w", err)
	}
	return statefile.Write(filepath.Join(dir, learnedFile), text, 0o600)
}

// ReadLearned returns what the box has learned; nothing if nobody has shown any.
func ReadLearned(dir string) (l plan.Learned, err error) {
	text, err := statefile.Read(filepath.Join(dir, learnedFile), maxLearned)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Learned{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		return plan.Learned{}, fmt.Errorf("what the box has learned is not known: %w", err)
	}
	return l, nil
}

// WriteOutline shows the outline of the site that runs. The directory must exist.
func WriteOutline(dir string, o plan.Outline) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("the outline of the site: %w", err)
	}
	return statefile.Write(filepath.Join(dir, outlineFile), text, 0o600)
}

// ReadOutline returns the outline of the site that runs; with fs.ErrNotExist none does yet.
func ReadOutline(dir string) (o plan.Outline, err error) {
	text, err := statefile.Read(filepath.Join(dir, outlineFile), maxOutline)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		return o, fmt.Errorf("the outline of the site: %w", err)
	}
	return o, nil
}

// WriteRules shows which rules were loaded last. The directory must exist.
func WriteRules(dir string, l firewall.Loaded) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("the loaded rules: %w", err)
	}
	return statefile.Write(filepath.Join(dir, rulesFile), text, 0o600)
}

// ReadRules returns the rules that were loaded last: what the kernel has, until the next load.
func ReadRules(dir string) (l firewall.Loaded, err error) {
	text, err := statefile.Read(filepath.Join(dir, rulesFile), maxRules)
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		return l, fmt.Errorf("which rules are loaded is not known: %w", err)
	}
	return l, nil
}
