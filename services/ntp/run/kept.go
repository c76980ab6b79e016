package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
)

// keptFile is what is known of the clock, in Options.StateDir.
const (
	keptFile    = "clock"
	maxKeptFile = 4 << 10
)

// Kept is what is known of the clock over restarts. It is written when the clock has become right, once an
// hour while it is, and at the end: after a power cut, a clock that is lost altogether starts an hour too
// early at most.
type Kept struct {
	// Time is when the clock was right last.
	Time time.Time `json:"time"`
	// Frequency is by how many ppm true time is faster than the crystal, and Error its standard deviation.
	Frequency float64 `json:"frequency_ppm"`
	Error     float64 `json:"error_ppm"`
}

// forEngine is what of it the discipline has: at least, that no time is before some moment.
func (k Kept) forEngine(notBefore time.Time) discipline.Kept {
	d := discipline.Kept{Frequency: k.Frequency, Error: k.Error, Wall: notBefore.UnixNano()}
	if k.Time.IsZero() {
		d.Error = unknownError
	}
	if k.Time.After(notBefore) {
		d.Wall = k.Time.UnixNano()
	}
	return d
}

// maxYear is the last in which nobody has been yet.
const maxYear = 2200

// unknownError is how far off crystals may be that nobody has measured, in ppm.
const unknownError = 100

// readKept returns what was kept; nothing if there is no file.
func readKept(dir string) (k Kept, err error) {
	b, err := statefile.Read(filepath.Join(dir, keptFile), maxKeptFile)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return Kept{}, fmt.Errorf("%s: %w", keptFile, err)
	}
	if math.Abs(k.Frequency) > kernel.MaxFrequency || k.Error < 0 {
		return Kept{}, fmt.Errorf("%s: a frequency of %g ± %g ppm", keptFile, k.Frequency, k.Error)
	}
	if year := k.Time.Year(); year > maxYear { // UnixNano ends in 2262
		return Kept{}, fmt.Errorf("%s: the year %d", keptFile, year)
	}
	return k, nil
}

// write has it on stable storage when it returns.
func (k Kept) write(dir string) error {
	b, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return err
	}
	return statefile.Write(filepath.Join(dir, keptFile), append(b, '\n'), 0o600)
}
