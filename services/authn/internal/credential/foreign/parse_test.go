package foreign_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

const (
	argon2i = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
	bcrypt  = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	scrypt  = "$scrypt$ln=14,r=8,p=1$TmFDbAAA$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
	pbkdf2  = "$pbkdf2-sha256$i=600000$TmFDbAAA$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
	passlib = "$pbkdf2-sha512$25000$TmFDbAAA$iekCn0Y3spW.sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
	django  = "pbkdf2_sha256$600000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y="
	crypt   = "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1"
)

func TestOtherSpellingsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		form, old, new string
		want           error
	}{
		"argon2i, an older version":      {argon2i, "v=19", "v=16", foreign.ErrMalformed},
		"argon2i, no version":            {argon2i, "$v=19", "", foreign.ErrMalformed},
		"argon2i, another order":         {argon2i, "m=256,t=2", "t=2,m=256", foreign.ErrMalformed},
		"argon2i, a key id":              {argon2i, "p=1", "p=1,keyid=AAAA", foreign.ErrMalformed},
		"argon2i, no passes":             {argon2i, "t=2", "t=0", foreign.ErrMalformed},
		"argon2i, no threads":            {argon2i, "p=1", "p=0", foreign.ErrMalformed},
		"argon2i, too little memory":     {argon2i, "m=256", "m=7", foreign.ErrMalformed},
		"argon2i, a leading zero":        {argon2i, "t=2", "t=02", foreign.ErrMalformed},
		"argon2i, beyond any number":     {argon2i, "m=256", "m=99999999999", foreign.ErrMalformed},
		"argon2i, a short salt":          {argon2i, "c29tZXNhbHQ", "c29t", foreign.ErrMalformed},
		"argon2i, a padded salt":         {argon2i, "c29tZXNhbHQ", "c29tZXNhbHQ=", foreign.ErrMalformed},
		"argon2i, a line break":          {argon2i, "c29tZXNhbHQ", "c29t\nZXNhbHQ", foreign.ErrMalformed},
		"argon2i, a short key":           {argon2i, "iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "iekCn0Y3spU", foreign.ErrMalformed},
		"argon2i, something more":        {argon2i, "WRS8", "WRS8$", foreign.ErrMalformed},
		"argon2i, 512 MiB":               {argon2i, "m=256", "m=524288", foreign.ErrTooCostly},
		"argon2i, 256 MiB for 5 passes":  {argon2i, "m=256,t=2", "m=262144,t=5", foreign.ErrTooCostly},
		"argon2i, 17 threads":            {argon2i, "p=1", "p=17", foreign.ErrTooCostly},
		"argon2d":                        {argon2i, "argon2i", "argon2d", foreign.ErrUnknown},
		"bcrypt, of an old fault":        {bcrypt, "2b", "2x", foreign.ErrUnknown},
		"bcrypt, the first version":      {bcrypt, "2b", "2", foreign.ErrUnknown},
		"bcrypt, too short":              {bcrypt, "OeW", "Oe", foreign.ErrMalformed},
		"bcrypt, too long":               {bcrypt, "OeW", "OeWW", foreign.ErrMalformed},
		"bcrypt, base64's alphabet":      {bcrypt, "OeW", "Oe+", foreign.ErrMalformed},
		"bcrypt, cost 3":                 {bcrypt, "$05", "$03", foreign.ErrMalformed},
		"bcrypt, no number":              {bcrypt, "$05", "$+5", foreign.ErrMalformed},
		"bcrypt, one digit":              {bcrypt, "$05$", "$5$C", foreign.ErrMalformed},
		"bcrypt, cost 15":                {bcrypt, "$05", "$15", foreign.ErrTooCostly},
		"bcrypt, cost 99":                {bcrypt, "$05", "$99", foreign.ErrTooCostly},
		"bcrypt of sha256, by Django":    {"bcrypt_sha256$" + bcrypt, "", "", foreign.ErrUnknown},
		"scrypt, no parallelism":         {scrypt, ",p=1", "", foreign.ErrMalformed},
		"scrypt, N of 1":                 {scrypt, "ln=14", "ln=0", foreign.ErrMalformed},
		"scrypt, no salt":                {scrypt, "TmFDbAAA", "", foreign.ErrMalformed},
		"scrypt, a long salt":            {scrypt, "TmFDbAAA", strings.Repeat("TmFDbAAA", 11), foreign.ErrMalformed},
		"scrypt, 512 MiB":                {scrypt, "ln=14", "ln=19", foreign.ErrTooCostly},
		"scrypt, r of 512 MiB":           {scrypt, "ln=14,r=8", "ln=16,r=64", foreign.ErrTooCostly},
		"scrypt, in parallel":            {scrypt, "ln=14,r=8,p=1", "ln=14,r=8,p=17", foreign.ErrTooCostly},
		"scrypt, overflowing":            {scrypt, "ln=14,r=8,p=1", "ln=62,r=2147483647,p=2147483647", foreign.ErrTooCostly},
		"scrypt, a bound each":           {scrypt, "ln=14,r=8,p=1", "ln=21,r=64,p=64", foreign.ErrTooCostly},
		"pbkdf2, md5":                    {pbkdf2, "sha256", "md5", foreign.ErrUnknown},
		"pbkdf2, no iterations":          {pbkdf2, "i=600000", "i=0", foreign.ErrMalformed},
		"pbkdf2, a sign":                 {pbkdf2, "i=600000", "i=-1", foreign.ErrMalformed},
		"pbkdf2, another key's length":   {pbkdf2, "i=600000", "i=600000,l=64", foreign.ErrMalformed},
		"pbkdf2, something more":         {pbkdf2, "$TmFD", "$TmFD$TmFD", foreign.ErrMalformed},
		"pbkdf2, too many iterations":    {pbkdf2, "i=600000", "i=4000001", foreign.ErrTooCostly},
		"pbkdf2, a key of two blocks":    {pbkdf2, "i=600000$TmFDbAAA$", "i=2000001$TmFDbAAA$AAAAAAAA", foreign.ErrTooCostly},
		"passlib, too many iterations":   {passlib, "25000", "1000001", foreign.ErrTooCostly},
		"passlib, a salt of other signs": {passlib, "TmFDbAAA", "TmFD_AAA", foreign.ErrMalformed},
		"Django, an unpadded key":        {django, "Y=", "Y", foreign.ErrMalformed},
		"Django, no salt":                {django, "seasalt", "", foreign.ErrMalformed},
		"Django, no number":              {django, "600000", "many", foreign.ErrMalformed},
		"Django, too many iterations":    {django, "600000", "40000000", foreign.ErrTooCostly},
		"Django, unusable":               {"!abcdefghijklmnopqrstuvwxyz", "", "", foreign.ErrUnknown},
		"Django, md5":                    {"md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "", "", foreign.ErrUnknown},
		"crypt, 999 rounds":              {crypt, "1400", "999", foreign.ErrMalformed},
		"crypt, no number":               {crypt, "1400", "14k", foreign.ErrMalformed},
		"crypt, a long salt":             {crypt, "longsalts", "longsaltss", foreign.ErrMalformed},
		"crypt, no salt":                 {crypt, "anotherlongsalts", "", foreign.ErrMalformed},
		"crypt, a salt not printable":    {crypt, "anotherlongsalts", "another\x00salt", foreign.ErrMalformed},
		"crypt, a short hash":            {crypt, "nq1", "nq", foreign.ErrMalformed},
		"crypt, another alphabet":        {crypt, "nq1", "nq+", foreign.ErrMalformed},
		"crypt, something more":          {crypt, "nq1", "nq1$", foreign.ErrMalformed},
		"crypt, too many rounds":         {crypt, "1400", "1000001", foreign.ErrTooCostly},
		"crypt, beyond any number":       {crypt, "1400", "99999999999", foreign.ErrMalformed},
		"crypt of md5":                   {crypt, "$5", "$1", foreign.ErrUnknown},
		"yescrypt":                       {"$y$j9T$salt$/PqW6IciqCarq7pllKWtXjd4smemv/.KoEdn9kTyR6B", "", "", foreign.ErrUnknown},
		"firebase, another hash's size":  {firebaseVector, "uid5lQ", "uid5", foreign.ErrMalformed},
		"firebase, no separator's place": {firebaseVector, "$Bw", "", foreign.ErrMalformed},
		"firebase, 1 GiB":                {firebaseVector, "ln=14", "ln=20", foreign.ErrTooCostly},
		"nothing":                        {"", "", "", foreign.ErrUnknown},
		"a dollar":                       {"$", "", "", foreign.ErrUnknown},
		"a password as it is":            {"correct horse battery staple", "", "", foreign.ErrUnknown},
		"a hash in hex":                  {"5f4dcc3b5aa765d61d8327deb882cf99", "", "", foreign.ErrUnknown},
		"a scheme of LDAP":               {"{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0", "", "", foreign.ErrUnknown},
		"1 MiB":                          {argon2i + strings.Repeat("A", 1<<20), "", "", foreign.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(c.form, c.old, c.new, 1)
			if c.old != "" && text == c.form {
				t.Fatal("the edit changes nothing")
			}
			_, err := foreign.Parse(text)
			if !errors.Is(err, c.want) {
				t.Fatalf("err = %v, want %v", err, c.want)
			}
			for _, part := range strings.Split(text, "$") {
				if len(part) >= 20 && strings.Contains(err.Error(), part) {
					t.Errorf("%v holds %q of the form", err, part)
				}
			}
		})
	}
	for _, form := range []string{argon2i, bcrypt, scrypt, pbkdf2, passlib, django, crypt} {
		if _, err := foreign.Parse(form); err != nil {
			t.Errorf("as it should be, %s: %v", form, err)
		}
	}
}

func TestTheBoundsThemselvesAreTaken(t *testing.T) {
	for _, c := range []struct {
		form, old, new string
		memoryKiB      int
	}{
		{argon2i, "m=256,t=2,p=1", "m=262144,t=4,p=16", 262144},
		{bcrypt, "$05", "$14", 0},
		{scrypt, "ln=14,r=8,p=1", "ln=18,r=8,p=1", 262144},
		{scrypt, "ln=14,r=8,p=1", "ln=17,r=8,p=2", 131072},
		{firebaseVector, "ln=14", "ln=18", 262144},
		{pbkdf2, "i=600000", "i=4000000", 0},
		{passlib, "25000", "1000000", 0},
		{django, "600000", "4000000", 0},
		{crypt, "1400", "1000000", 0},
	} {
		form, err := foreign.Parse(strings.Replace(c.form, c.old, c.new, 1))
		if err != nil || form.MemoryKiB != c.memoryKiB {
			t.Errorf("%s: %d KiB, %v; want %d KiB", c.new, form.MemoryKiB, err, c.memoryKiB)
		}
	}
}

// FuzzParse: whatever is read has a specimen that is read, within the bounds, and no text makes it panic.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.stored)
	}
	for _, form := range []string{argon2i, scrypt, pbkdf2, passlib, django, crypt, "$2x$05$", "$$$$$", "$5$", "$6$rounds=$$"} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := foreign.Parse(text)
		if err != nil {
			return
		}
		if form.MemoryKiB > 256<<10 {
			t.Errorf("%q takes %d KiB", text, form.MemoryKiB)
		}
		specimen, err := foreign.Parse(form.Specimen)
		if err != nil || specimen.Specimen != form.Specimen || specimen.Kind != form.Kind {
			t.Errorf("%q has the specimen %q, and that %q: %v", text, form.Specimen, specimen.Specimen, err)
		}
	})
}
