BEGIN TRANSACTION;
CREATE TABLE form_changes (
	id INTEGER NOT NULL, 
	page_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	"after" TEXT NOT NULL, 
	changed_by TEXT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	share DOUBLE, 
	PRIMARY KEY (id), 
	FOREIGN KEY(page_id) REFERENCES form_pages (id)
);
INSERT INTO "form_changes" VALUES(1,1,'member','correction','0012','12','Ada',1795869000123456,NULL);
INSERT INTO "form_changes" VALUES(2,1,'member','control','12','0072','Ada',1795869000123456,0.02);
INSERT INTO "form_changes" VALUES(3,1,'items.1.count','correction','?','3','Bo',1795869000123456,NULL);
CREATE TABLE form_fields (
	page_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	frame_found BOOLEAN NOT NULL, 
	cells TEXT NOT NULL, 
	crop BLOB NOT NULL, 
	PRIMARY KEY (page_id, position), 
	FOREIGN KEY(page_id) REFERENCES form_pages (id)
);
INSERT INTO "form_fields" VALUES(1,0,'member',1,'[["digit",5.25,"job-1"],["blank",0.0,null]]',X'66697273742063726F70');
INSERT INTO "form_fields" VALUES(1,1,'items.1.count',0,'[["over_full",40.5,null]]',X'7365636F6E642000FF');
INSERT INTO "form_fields" VALUES(2,0,'member',1,'[["digit",5.25,"job-1"],["blank",0.0,null]]',X'66697273742063726F70');
INSERT INTO "form_fields" VALUES(2,1,'items.1.count',0,'[["over_full",40.5,null]]',X'7365636F6E642000FF');
CREATE TABLE form_pages (
	id INTEGER NOT NULL, 
	page_group TEXT NOT NULL, 
	form TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	template TEXT NOT NULL, 
	file_name TEXT NOT NULL, 
	file_sha256 TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	scanner TEXT NOT NULL, 
	received_us BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	message TEXT NOT NULL, 
	serial INTEGER NOT NULL, 
	page INTEGER NOT NULL, 
	handwriting BLOB NOT NULL, 
	accepted INTEGER, 
	review INTEGER, 
	PRIMARY KEY (id), 
	UNIQUE (page_group)
);
INSERT INTO "form_pages" VALUES(1,'INTK.1','INTK',1,'0123456789abcdef','stack.pdf','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'Acme 1',1795869001123456,'read','',1,1,X'',1,1);
INSERT INTO "form_pages" VALUES(2,'INTK.2','INTK',1,'0123456789abcdef','stack.pdf','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',2,'Acme 1',1795869002123456,'read','',2,1,X'',NULL,NULL);
INSERT INTO "form_pages" VALUES(3,'INTK.3','INTK',1,'0123456789abcdef','stack.pdf','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',3,'Acme 1',1795869003123456,'bent','expected a flat page',-1,0,X'',NULL,NULL);
CREATE TABLE form_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "form_schema" VALUES(1);
CREATE TABLE form_values (
	page_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	text TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	reasons TEXT NOT NULL, 
	chance DOUBLE, 
	model_version TEXT NOT NULL, 
	PRIMARY KEY (page_id, position), 
	FOREIGN KEY(page_id) REFERENCES form_pages (id)
);
INSERT INTO "form_values" VALUES(1,0,'member','0012','accept','',0.9999,'model-1');
INSERT INTO "form_values" VALUES(1,1,'items.1.count','?','review','over_full frame_not_found',0.9999,'model-1');
CREATE INDEX form_pages_order ON form_pages (template, serial, page, received_us, id);
CREATE INDEX form_pages_unread ON form_pages (template, id) WHERE state = 'read' AND accepted IS NULL;
CREATE INDEX form_pages_file ON form_pages (file_sha256);
CREATE INDEX form_pages_scans ON form_pages (template, file_name, file_sha256, number, id) WHERE serial = -1;
CREATE INDEX form_changes_field ON form_changes (page_id, name);
COMMIT;
