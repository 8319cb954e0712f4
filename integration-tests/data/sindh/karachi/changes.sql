-- Karachi: the next working day, 1 July 2025. Written for this repository, dedicated to the public domain
-- (CC0 1.0); nobody here is real. One transaction, as plain T-SQL. Times are UTC unless an offset stands
-- beside them; the rowversion column is SQL Server's own affair.

SET XACT_ABORT ON;
BEGIN TRANSACTION;

-- Aqib Shaikh (KHI-100492) comes again, short of breath.
INSERT INTO [dbo].[Encounter] ([EncounterId], [PersonId], [EncounterClass], [StartUtc], [EndUtc], [PractitionerId], [Reason])
VALUES (3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', 'AMB', '2025-07-01T05:10:00.0000000', '2025-07-01T05:40:00.0000000', 103, N'breathless at night, worse since the dust storm');
INSERT INTO [dbo].[Diagnosis] ([EncounterId], [Icd10], [IsPrimary], [OnsetDate])
VALUES (3000000666, 'J45.9', 1, '2025-06-28');
INSERT INTO [dbo].[Observation] ([ObservationId], [EncounterId], [PersonId], [LoincCode], [ValueDecimal], [ValueText], [UcumUnit], [EffectiveAt])
VALUES (9007199254745389, 3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', '8480-6', 118.0000, NULL, 'mm[Hg]', '2025-07-01T10:15:00 +05:00'),
       (9007199254745390, 3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', '8462-4', 76.0000, NULL, 'mm[Hg]', '2025-07-01T10:15:00 +05:00'),
       (9007199254745391, 3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', '8867-4', 96.0000, NULL, '/min', '2025-07-01T10:16:00 +05:00'),
       (9007199254745392, 3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', '8310-5', 36.9000, NULL, 'Cel', '2025-07-01T10:17:00 +05:00');
INSERT INTO [dbo].[MedicationOrder] ([EncounterId], [PersonId], [DrugName], [AtcCode], [DoseText], [OrderedAt], [Status])
VALUES (3000000666, N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', N'Salbutamol inhaler 100mcg', 'R03AC02', N'2 puffs SOS x 30 days', '2025-07-01T05:35:00', 'active');
-- He has a new telephone, and lives in Hyderabad now.
UPDATE [dbo].[Person] SET [MobileNumber] = '03448556000' WHERE [PersonId] = N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A';
UPDATE [dbo].[PersonAddress] SET [IsCurrent] = 0 WHERE [AddressId] = 293;
INSERT INTO [dbo].[PersonAddress] ([PersonId], [Line1], [City], [District], [IsCurrent])
VALUES (N'513952D6-DF55-4D6E-A33C-3DD65EC73A2A', N'Latifabad Unit 6', N'Hyderabad', N'Hyderabad', 1);

-- A visit of January is closed at last, and a reading of December corrected.
UPDATE [dbo].[Encounter] SET [EndUtc] = '2025-01-09T11:31:00.0000000' WHERE [EncounterId] = 3000000195;
UPDATE [dbo].[Observation] SET [ValueDecimal] = 137.0000 WHERE [ObservationId] = 9007199254741013;

-- Somebody new.
INSERT INTO [dbo].[Person] ([PersonId], [MRN], [GivenNames], [FamilyName], [SexCode], [BirthDate], [NationalId], [MobileNumber], [ConsentToShare])
VALUES (N'B7E2C0A4-5D1F-4C36-9A58-0E6F7D214485', 'KHI-100600', N'Sakina', N'Palijo', 2, '1991-03-23', '9942110099017', '+923900000991', 1);
INSERT INTO [dbo].[PersonAddress] ([PersonId], [Line1], [City], [District], [IsCurrent])
VALUES (N'B7E2C0A4-5D1F-4C36-9A58-0E6F7D214485', N'H.No. 12, Lyari', N'Karachi', N'Karachi South', 1);
INSERT INTO [dbo].[Encounter] ([EncounterId], [PersonId], [EncounterClass], [StartUtc], [EndUtc], [PractitionerId], [Reason])
VALUES (3000000667, N'B7E2C0A4-5D1F-4C36-9A58-0E6F7D214485', 'EMER', '2025-07-01T06:02:00.0000000', NULL, 106, N'fever and chills for three days');
INSERT INTO [dbo].[Observation] ([ObservationId], [EncounterId], [PersonId], [LoincCode], [ValueDecimal], [ValueText], [UcumUnit], [EffectiveAt])
VALUES (9007199254745393, 3000000667, N'B7E2C0A4-5D1F-4C36-9A58-0E6F7D214485', '8310-5', 39.4000, NULL, 'Cel', '2025-07-01T11:04:00 +05:00');

-- An order that was entered for the wrong patient is taken back.
DELETE FROM [dbo].[MedicationOrder] WHERE [OrderId] = 33;

COMMIT TRANSACTION;
