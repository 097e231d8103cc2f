-- The German Breast Cancer Study Group's trial (data/README.md). A number's default form is payload and arith: it can be
-- shown and computed on, encrypted. A text's is payload: it can be shown. SQLite reads the same statement.
CREATE TABLE gbsg2 (
	horth    bool NOT NULL, -- hormonal therapy
	age      u8   NOT NULL, -- years
	menostat text NOT NULL, -- menopausal status: Pre, Post
	tsize    u8   NOT NULL, -- tumour size, mm
	tgrade   text NOT NULL, -- tumour grade: I < II < III
	pnodes   u8   NOT NULL, -- positive lymph nodes
	progrec  u16  NOT NULL, -- progesterone receptor, fmol
	estrec   u16  NOT NULL, -- oestrogen receptor, fmol
	time     u16  NOT NULL, -- recurrence-free survival, days
	cens     bool NOT NULL  -- 1: event observed, 0: censored
);
