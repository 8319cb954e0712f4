-- SPDX-License-Identifier: Apache-2.0
-- A small clinic's database, invented: composite keys, a table of all codes, attributes in rows, dates and times as
-- integers, a flag that may be NULL, a name in one column.
CREATE TABLE PERSON (
  CAMP_NO INTEGER NOT NULL, CARD_NO VARCHAR(10) NOT NULL, FULLNAME VARCHAR(80), SEX CHAR(2), DOB INTEGER,
  PHONE VARCHAR(30), NO_SHARE CHAR(1), REG_ON INTEGER, PRIMARY KEY (CAMP_NO, CARD_NO));
CREATE TABLE CODES (
  KIND CHAR(4) NOT NULL, CODE VARCHAR(8) NOT NULL, MEANING VARCHAR(60), ICD VARCHAR(8), PRIMARY KEY (KIND, CODE));
CREATE TABLE VISITS (
  VISIT_NO INTEGER PRIMARY KEY, CAMP_NO INTEGER, CARD_NO VARCHAR(10), SEEN INTEGER, HHMM INTEGER, DX VARCHAR(8),
  CLOSED CHAR(1), NOTE TEXT);
CREATE TABLE OBS (VISIT_NO INTEGER NOT NULL, ITEM VARCHAR(10) NOT NULL, VAL VARCHAR(20), PRIMARY KEY (VISIT_NO, ITEM));
INSERT INTO PERSON VALUES
  (1, 'A-001', 'BIBI, Zainab w/o Karim Bux', 'F', 19840701, '0300-1234567', 'N', 20200105),
  (1, 'A-002', 'SHAIKH, Aquib s/o Abdul Ghaffar', 'M', 19900000, NULL, NULL, 20200105),
  (1, 'A-003', 'Hajiani Amna', 'F', 0, '0300 7654321 / 022-2780000', NULL, 20210301),
  (2, 'A-001', 'MEMON, Baby of Shabana', '?', 20250101, '', 'Y', 20250102),
  (2, 'B-17', 'KHAN, Gul', 'm ', 19791332, 'none', 'N', 20240630),
  (2, 'B-18', NULL, 'F', NULL, NULL, 'n', NULL);
INSERT INTO CODES VALUES
  ('SEX', 'F', 'Female', NULL), ('SEX', 'M', 'Male', NULL), ('DX', 'TB1', 'Pulmonary tuberculosis', 'A15.0'),
  ('DX', 'ANC', 'Antenatal care', 'Z34.9'), ('DX', 'MAL', 'Malaria, unspecified', 'B54'), ('DX', 'OLD', 'Old age', NULL);
INSERT INTO VISITS VALUES
  (1001, 1, 'A-001', 20250301, 930, 'ANC', 'Y', 'BP checked'), (1002, 1, 'A-002', 20250301, 5, 'TB1', 'N', NULL),
  (1003, 1, 'A-003', 20250302, NULL, 'XXX', NULL, 'code not in the list'), (1004, 2, 'A-001', 20250303, 1415, 'MAL', 'Y', NULL),
  (1005, 2, 'Z-99', 20250304, 1000, 'MAL', 'Y', 'no such card'), (1006, 2, 'B-17', 20251350, 2500, 'OLD', 'Y', 'bad date');
INSERT INTO OBS VALUES
  (1001, 'SBP', '120'), (1001, 'DBP', '80'), (1001, 'WT', '61.50'), (1002, 'WT', 'n/a'), (1002, 'TEMP', '38,2'),
  (1004, 'SBP', '95'), (1006, 'SBP', '130'), (1006, 'DBP', '85'), (1003, 'WT', '0');
